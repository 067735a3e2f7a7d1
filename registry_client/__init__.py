"""Who is who on the network: subscriber records, look-up, key ring, entering a registry.

It asks registries and remembers their answers. It keeps nothing in the database, signs no
message and knows no contract.
"""
