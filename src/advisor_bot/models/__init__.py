"""Text -> vectors and token states: the encoder, its ONNX export, an owner's reranker."""
