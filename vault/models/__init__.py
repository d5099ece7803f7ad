"""The local model: get it, check it, embed and generate with it; the only user of llama_cpp and gguf."""
