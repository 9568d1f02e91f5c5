"""The CUDA kernels on the CPU, from the PTX that NVIDIA's run-time compiler makes of them."""
