"""What it costs to deliver or to take less than was agreed: tolerance, penalties, own deviations. Pure."""
