"""Quality control by people: which units are read, and what their readings say of all of them."""
