"""CHOOSE: pictures -> scores -> decisions -> squares -> reports."""
