"""What the families with a U-Net share: network, attention, names."""
