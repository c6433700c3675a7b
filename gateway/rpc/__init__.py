"""The wire: mutual TLS 1.3 gRPC, one service a file, each RPC a conversion, a call and a conversion.

`peer` says who is calling, `status` is the one map from errors to what a peer hears, `convert` bounds what came in.
"""
