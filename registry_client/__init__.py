"""Who is who on the network: subscriber records, look-up, key ring, entering a registry; and where to go.

It asks registries and remembers their answers, and says which addresses a node connects to. It keeps
nothing in the database, signs only what registries are asked and told, and knows no contract.
"""
