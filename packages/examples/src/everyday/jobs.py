"""
Runs long jobs, which report their progress and can be canceled.
"""
from twisted.internet import defer, task
from twisted.spread import pb


class JobCanceled(pb.Error):
    pass


class Job(pb.Referenceable):
    def __init__(self, steps, watcher):
        self.steps, self.watcher = steps, watcher
        self.step = 0
        self.result = defer.Deferred(lambda result: result.errback(JobCanceled(f"canceled after step {self.step}")))
        self.loop = task.LoopingCall(self.work)

    def start(self):
        self.loop.start(0).addErrback(self.result.errback)

    def work(self):
        if self.step == self.steps:
            self.loop.stop()
            self.result.callback(sum(range(self.steps + 1)))
            return None
        self.step += 1
        return self.watcher.callRemote("progress", self.step, self.steps)

    def remote_result(self):
        result = defer.Deferred()
        self.result.addBoth(lambda value: result.callback(value))
        return result

    def remote_cancel(self):
        if self.loop.running:
            self.loop.stop()
        self.result.cancel()


class Farm(pb.Root):
    def remote_start(self, steps, watcher):
        job = Job(steps, watcher)
        job.start()
        return job


def makeRoot():
    return Farm()
