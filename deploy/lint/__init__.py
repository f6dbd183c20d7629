"""What checks the templates, the image and the workflows."""
