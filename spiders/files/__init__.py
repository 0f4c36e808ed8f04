"""Files of this computer: folders, archives and lists, and what lies beside a picture and speaks of it."""
