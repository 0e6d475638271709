"""The same subjects in other public data: two sides, what they share, and what that tells."""
