"""Against torchvision, transformers and references written by hand."""
