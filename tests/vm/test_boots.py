"""Later boots: the machine finds its environment again, or says what is missing, and never hangs."""

from __future__ import annotations

import json
import time

from lab.account import INSTANCE_ID
from lab.vm.ebs import GIBIBYTE, Ebs
from lab.vm.lab import MachineLab
from lab.volume import VOLUME_ID

from .conftest import BOOT, FINISHED, Launch
from .looks import disks, settled, status, steps

DECOY = "vol-0aaaaaaaaaaaaaaaa"


def test_without_its_volume_the_machine_lets_one_in_and_says_so_and_goes_on_when_it_comes(
    launched: MachineLab, launch: Launch
) -> None:
    launched.machine.power_on()
    seconds = launched.machine.await_ssh()
    usual = launch.reboot.seconds_until_login
    print(f"without the volume somebody can log in after {seconds:.0f} s, with it after {usual:.0f} s")
    launched.machine.shell("until vivarium-agent status | grep -q 'running now'; do sleep 1; done")
    told = status(launched)
    print(told["running"])
    assert told["exit_code"] != 0
    assert VOLUME_ID in json.dumps([step for step in told["now"] if step["name"] == "volume"])
    assert "volume" in told["running"]
    assert launched.machine.shell("systemctl is-active multi-user.target ssh").split() == ["active", "active"]
    time.sleep(60)  # a minute late: that is what is tested
    launched.machine.attach(launched.ebs)
    assert settled(launched) == "active"
    assert status(launched)["exit_code"] == 0
    assert launched.machine.shell("cat /anaconda/notes.txt") == "mine\n"


def test_the_volume_is_found_where_the_disks_have_changed_places_and_filled_where_it_has_grown(
    launched: MachineLab,
) -> None:
    other = Ebs.with_files(launched.scratch.file("other.img"), {"notes.txt": "theirs\n"}, GIBIBYTE, DECOY)
    before = other.image.read_bytes()
    launched.ebs.grow(12 * GIBIBYTE)
    launched.machine.power_on(other, launched.ebs)
    assert settled(launched) == "active"
    found = disks(launched)
    disk = found[VOLUME_ID.replace("-", "")]
    print(f"{VOLUME_ID} is {disk['name']} now, and was nvme0n1")
    assert (disk["name"], disk["mountpoint"]) == ("nvme1n1", "/anaconda")
    assert found[DECOY.replace("-", "")]["mountpoint"] is None
    assert steps(launched)["grow"] == "changed"
    blocks, size = map(int, launched.machine.shell("stat -f -c '%b %S' /anaconda").split())
    assert blocks * size > 11 * GIBIBYTE
    assert status(launched)["exit_code"] == 0
    launched.machine.stop()
    assert other.image.read_bytes() == before, "nobody has touched the other volume"


def test_an_old_volume_on_a_new_instance_is_kept_and_no_installer_is_downloaded(launched: MachineLab) -> None:
    new = INSTANCE_ID.replace("0123", "9999")
    launched.machine.new_root()
    launched.launch(new, launched.user_data(**BOOT))
    before = launched.sent()
    launched.machine.power_on(launched.ebs)
    launched.machine.await_console(FINISHED)
    launched.machine.await_ssh()
    after = launched.sent()
    fetched = {path for path in after if after[path] != before.get(path, 0)}
    assert [path.rpartition("/")[2] for path in fetched] == ["vivarium-agent-x86_64"]
    assert launched.machine.shell("cat /anaconda/notes.txt") == "mine\n"
    told = status(launched)
    assert told["exit_code"] == 0
    done = steps(launched)
    for step in ("volume", "filesystem", "grow", "download", "anaconda", "psycopg2"):
        assert done[step] == "unchanged", step
    seconds = launched.machine.shell("grep -o 'Up [0-9.]*' /var/log/cloud-init-output.log | tail -2")
    print(f"cloud-init's last stage begins, and UserData has ended: {seconds.split()}")
    assert new in json.dumps(launched.ssm()["inventory"])
