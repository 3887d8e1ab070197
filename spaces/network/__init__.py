"""From a candidate to a network: backbones, the description that Ultralytics builds, pretrained weights."""
