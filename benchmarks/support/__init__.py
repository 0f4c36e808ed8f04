"""What more than one benchmark stands on: sites, data sets, rivals, curves."""
