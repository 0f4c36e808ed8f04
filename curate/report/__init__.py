"""What people read: report.html, report.csv, sweep.csv and the line in the terminal."""
