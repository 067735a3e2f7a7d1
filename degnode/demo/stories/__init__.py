"""The stories that `degnode demo` tells, each on the same stage."""
