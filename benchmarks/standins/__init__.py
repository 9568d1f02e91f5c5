"""What stands for a GPU: tensors that say `cuda:0`, with values or none, and kernels on the CPU."""
