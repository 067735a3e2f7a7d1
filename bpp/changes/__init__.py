"""What either side ends or changes of a contract of its own accord, when utilities have a say in it, too."""
