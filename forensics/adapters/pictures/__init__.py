"""Pictures that are made: thumbnails, contact sheets, marked frames, and the small summary of a frame."""
