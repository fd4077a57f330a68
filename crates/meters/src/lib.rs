//! Usage meters for the wire formats of AI providers: bytes in, tokens out, sans-IO.
