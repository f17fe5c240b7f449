"""Still pictures in folders and ZIP archives: listing, capture times, headers and pixels."""
