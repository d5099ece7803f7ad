"""How sensitive a memory is: detectors set a floor, a small head over the local model's vector decides."""
