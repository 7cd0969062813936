"""Data sets in files, one reader a format: folders, VOC, SBD, labelme, CVAT."""
