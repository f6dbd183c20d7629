metadata description = 'Both processes may do everything in Redis: the one policy that the service has in general.'

param redisName string
param databaseName string
param workersPrincipalId string
param botPrincipalId string

resource cluster 'Microsoft.Cache/redisEnterprise@2025-07-01' existing = {
  name: redisName
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' existing = {
  parent: cluster
  name: databaseName
}

resource workers 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01' = {
  parent: database
  name: 'workers'
  properties: {
    accessPolicyName: 'default'
    user: {
      objectId: workersPrincipalId
    }
  }
}

// One change at a time: the service refuses a second one while the first is under way.
resource bot 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments@2025-07-01' = {
  parent: database
  name: 'bot'
  properties: {
    accessPolicyName: 'default'
    user: {
      objectId: botPrincipalId
    }
  }
  dependsOn: [
    workers
  ]
}
