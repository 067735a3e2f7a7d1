"""Money for bills: asked for through a rail, heard of by its notices, followed up when it does not come."""
