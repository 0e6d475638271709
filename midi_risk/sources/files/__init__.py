"""Which files there are and what they are: listing, sniffing, archives, remote storage, bounds."""
