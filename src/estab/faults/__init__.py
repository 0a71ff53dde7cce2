"""What can go wrong on a network: a link that wraps any link, and one small file per fault."""
