"""This participant's own keys: made, sealed, rotated, revoked; and which of them signs now.

Private halves leave this package only as `Signer` and `EncryptionPrivateKey` of a `Keychain`.
"""
