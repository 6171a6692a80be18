from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=80)


class Book(models.Model):
    title = models.CharField(max_length=80)
    author = models.ForeignKey(Author, on_delete=models.CASCADE)

    def lend(self, reader):
        self.reader = reader
        self.save()  # expect: LW110:error (missed: what a manager gives)
        return self

    @classmethod
    def by_title(cls, title):
        return cls.objects.get(title=title)  # expect: LW110:error
