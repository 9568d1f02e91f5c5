"""The command `gpudict`: its demo, its doctor, its pictures."""
