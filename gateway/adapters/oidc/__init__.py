"""Access tokens of OpenID issuers: their signatures, and the key sets these are judged by."""

from gateway.adapters.oidc.issuers import HttpsIssuers

__all__ = ["HttpsIssuers"]
