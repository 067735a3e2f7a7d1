"""A realistic world of meters: what households and rooftops use and make, with faults on request."""
