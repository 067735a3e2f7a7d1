"""What settled energy costs: the lines of a settlement cycle and the taxes of a bill. Pure, exact."""
