"""A VPC out of network namespaces, built from one folder of what `aws ec2 describe-*` prints."""
