"""What can be recognised for certain: credentials, keys and numbers, each with the lowest class it allows."""

from vault.classify.detectors.detection import Detection
from vault.classify.detectors.scan import detect

__all__ = ["Detection", "detect"]
