"""What KARYON costs on this machine, and beside other programs in the same run: `karyon bench`, `make bench`.

Each module that measures has two functions, `measure`, whose answer is data, and `lines`, the same for a reader.
"""
