class Pipeline:
    def run(self, value):
        return value


async def page(pipeline: Pipeline):
    return pipeline.run(1)
