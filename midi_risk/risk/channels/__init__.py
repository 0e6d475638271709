"""Ways to identity outside the class table: entries, faces, device and site."""
