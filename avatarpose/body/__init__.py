"""The SMPL body: skeleton, model, poses, inverse kinematics."""
