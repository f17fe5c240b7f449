"""Pictures that the program makes: thumbnails, contact sheets, frames with boxes, and luma grids of frames."""
