# An image with Anaconda on a volume of its own, whose snapshot goes with it:
#
#   packer init packaging/image && packer build packaging/image
#
# run in the folder that holds dist/, as `make dist` leaves it.
packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
  }
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "architecture" {
  type    = string
  default = "x86_64"
}

variable "agent" {
  type    = string
  default = "dist/vivarium-agent-x86_64"
}

variable "settings" {
  type    = string
  default = "packaging/image/agent.toml"
}

source "amazon-ebs" "vivarium" {
  region        = var.region
  ami_name      = "vivarium-${var.architecture}-{{timestamp}}"
  instance_type = var.architecture == "x86_64" ? "t3.large" : "t4g.large"
  ssh_username  = "ec2-user"

  source_ami_filter {
    owners      = ["amazon"]
    most_recent = true
    filters = {
      name                = "al2023-ami-2023.*-${var.architecture == "x86_64" ? "x86_64" : "arm64"}"
      virtualization-type = "hvm"
    }
  }

  # The volume of volume.device: each instance gets a copy of what is on it now.
  launch_block_device_mappings {
    device_name           = "/dev/sdf"
    volume_size           = 16
    volume_type           = "gp3"
    encrypted             = true
    delete_on_termination = true
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  imds_support = "v2.0"
}

build {
  sources = ["source.amazon-ebs.vivarium"]

  provisioner "file" {
    source      = var.agent
    destination = "/tmp/vivarium-agent"
  }
  provisioner "file" {
    source      = var.settings
    destination = "/tmp/agent.toml"
  }
  provisioner "shell" {
    script          = "packaging/image/bake.sh"
    execute_command = "sudo {{ .Path }} /tmp/vivarium-agent /tmp/agent.toml"
  }
}
