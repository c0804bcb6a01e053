"""A CloudFormation template without CloudFormation: read, resolved with parameters, and told as describe-* JSON."""
