"""What a network is: its shapes, costs, receptive fields and activations."""
