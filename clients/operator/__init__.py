"""The operator's side: the home with its keys, the certificate authority, what is shown, what is signed, what is asked.

Signing keys are read here and nowhere else, after the text that will be signed was shown. The chain of statements a
gateway sends is folded from the operator's own genesis before anything it says is believed.
"""
