"""The views of monitoring, one file for each subject."""
