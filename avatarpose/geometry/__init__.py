"""Rotations, rigid maps, cameras and triangulation."""
