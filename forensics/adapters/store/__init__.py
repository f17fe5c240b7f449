"""Access to footage where it is stored: local files with disk errors checked, and objects of an S3-compatible store."""
