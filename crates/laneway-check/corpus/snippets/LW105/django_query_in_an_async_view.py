from django.db import models
from django.http import JsonResponse


class Book(models.Model):
    title = models.CharField(max_length=80)


async def count(request):
    return JsonResponse({"books": Book.objects.filter(title="x").count()})  # expect: LW105
