"""Where footage is read from: checked local files and objects of an S3-compatible store."""
