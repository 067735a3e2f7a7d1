"""What a buyer may want beside its energy: a link to follow it by, help, and a place to say how it was."""
